"""A Django project as small as one can be, around the seed's app."""
