ALTER TABLE auth.user_person_links
  DROP CONSTRAINT user_person_links_ends,
  DROP CONSTRAINT user_person_links_shown;
COMMENT ON COLUMN auth.user_person_links.proof IS 'By what it was shown; NULL: not shown';
