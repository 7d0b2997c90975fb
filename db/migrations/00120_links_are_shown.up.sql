-- Who acts for another has shown it, and for a parent or guardian it ends: a child comes of age.
ALTER TABLE auth.user_person_links
  ADD CONSTRAINT user_person_links_shown CHECK (relation = 'self' OR proof IS NOT NULL),
  ADD CONSTRAINT user_person_links_ends CHECK (relation NOT IN ('parent', 'guardian') OR valid_to IS NOT NULL);
COMMENT ON COLUMN auth.user_person_links.proof IS 'By what it was shown; NULL only for the user''s own record';
COMMENT ON CONSTRAINT user_person_links_shown ON auth.user_person_links IS
  'Say by what it was shown: who acts for another needs a proof';
COMMENT ON CONSTRAINT user_person_links_ends ON auth.user_person_links IS
  'Give a last day: for a parent or guardian of a child the day before the 18th birthday, else as the court says';
