"""A robot's motion carried out in physics: motors with limits, free objects, no artificial attachments."""
