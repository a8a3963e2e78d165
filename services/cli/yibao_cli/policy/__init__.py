"""`yibao policy`: policies as files and at the services."""
