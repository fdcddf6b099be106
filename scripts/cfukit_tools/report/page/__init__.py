"""The page of `cfukit report`.

* compute.py: run.json and build.json files become the document cfukit.report/1.
* html.py: the document becomes one HTML file. page.html is its template, page.css and page.js its style and script.
* charts/: one Vega-Lite specification per chart. The page gives them rows of the document and nothing else.
* markdown.py: the document's tables for a pull request.
"""
