"""Random histories under generated policies, as the service and the model of histories play them.

What either cannot say is left out here: docs/internals/histories.md lists it.
"""
