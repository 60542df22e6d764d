"""The words every room shares: value types, protocols, errors, seeds. It imports no other room."""
