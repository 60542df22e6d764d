# Sourced by every shell on a node: the project's programs first, and Ray closed to strangers.
export PATH="$HOME/.dgtl/bin:$PATH"
export RAY_USAGE_STATS_ENABLED=0
# Every call needs the token in ~/.ray/auth_token, which `ray up` copies from your machine.
export RAY_AUTH_MODE=token
# Ray serves metrics to all interfaces, without a token. There is no port -1, so it serves none.
export RAY_enable_metrics_collection=0 AUTOSCALER_METRIC_PORT=-1 DASHBOARD_METRIC_PORT=-1
# Ray would run its workers at niceness 15: beside any other program a device seems to hang.
export RAY_worker_niceness=0
