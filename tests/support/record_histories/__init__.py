"""Random histories of records that become one person, over the years, on service and model."""
