"""A process that serves: configuration, log, metrics, start and end."""
