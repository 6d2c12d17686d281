"""The main process of a slot's unit, and what it keeps of the container that it runs."""
