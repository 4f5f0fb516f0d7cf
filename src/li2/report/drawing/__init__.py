"""Panels drawn on paper (Matplotlib) and for the browser (Plotly), from one set of decisions."""
