"""An interactive 3D view of a plan for HTML pages: three.js, our script, and the code that embeds them."""
