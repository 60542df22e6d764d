"""The tuning engine on Ray: layer actors propose, build tasks build, a device actor times."""
