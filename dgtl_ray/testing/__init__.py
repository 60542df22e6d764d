"""What tests of this package, and of extensions of it, share: conformance cases and fakes."""
