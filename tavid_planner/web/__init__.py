"""The page in a browser: mark an object, give an instruction, see the plan. Only `page.py` imports Gradio."""
