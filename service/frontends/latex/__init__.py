"""The dialect `latex`: what our own LaTeX output writes, and the formulas of textbooks."""
