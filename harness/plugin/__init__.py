"""The suite as a pytest plugin: options, collection, scheduling, recording."""

pytest_plugins = (
    "harness.plugin.options",
    "harness.plugin.hosts",
    "harness.plugin.nightly",
    "harness.plugin.zoofile",
    "harness.plugin.accuracy",
    "harness.plugin.collection",
    "harness.plugin.fixtures",
    "harness.plugin.throughput",
    "harness.plugin.recording",
    "harness.plugin.run",
    "harness.plugin.progress",
    "harness.plugin.workers",
)
