"""
What services promise each other: views, events, errors and request models.

No logic lives here. It is the only thing of a service that another may import.
"""
