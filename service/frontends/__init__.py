"""Reading text and JSON graphs into the user's graph, writing it as JSON, and naming it by its content."""
