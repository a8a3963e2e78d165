"""`yibao due`: what an agency has to do by a day about care elsewhere, of all lists at once."""
