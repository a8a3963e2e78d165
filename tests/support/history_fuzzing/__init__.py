"""Random histories through the service's batches on real databases, held to the model."""
