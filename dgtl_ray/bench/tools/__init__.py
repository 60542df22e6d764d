"""What experiments share: replays, timings in turn, reports."""
