"""A hospital, an agency and the persons of a day, as their systems call the services."""
