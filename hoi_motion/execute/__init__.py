"""A robot's motion carried out in physics: motors with limits, free objects, nothing that glues them together."""
