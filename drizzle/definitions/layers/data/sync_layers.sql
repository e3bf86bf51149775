-- requires: fn_iu_sync_layers_declare
SELECT iu_core.fn_iu_sync_layers_declare('{
  "database": {"no": 1, "name": "Database", "description": "The schema iu_core: what all others show or copy", "fed_by": "iu db deploy, unit by unit"},
  "directus": {"no": 2, "name": "Directus", "description": "Our views as read-only collections beside its own tables, which nothing of ours touches", "fed_by": "iu directus register"},
  "console": {"no": 3, "name": "Console", "description": "This server and every other that renders the views", "fed_by": "its build: each console tells which schema it was built for"},
  "knowledge_base": {"no": 4, "name": "Knowledge base", "description": "Rendered collections and their manifests as files", "fed_by": "iu export, by the event collection_rendered"},
  "vector_index": {"no": 5, "name": "Vector index", "description": "What is looked up by meaning; its unit is the manifest file", "fed_by": "nothing yet"}}');
