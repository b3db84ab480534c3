"""The page in a browser: mark, say, see. Only `page.py` imports Gradio."""
