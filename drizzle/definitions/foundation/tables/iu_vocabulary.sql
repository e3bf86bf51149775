-- Every kind and term that may appear in the data. Nothing unclassified enters.
CREATE TABLE iu_core.iu_vocabulary (
  term_class text COLLATE "C" NOT NULL,
  term text COLLATE "C" NOT NULL,
  description text NOT NULL,
  CONSTRAINT iu_vocabulary_pkey PRIMARY KEY (term_class, term)
);
COMMENT ON TABLE iu_core.iu_vocabulary IS 'Every allowed kind and term, classified';
