-- What remembers that rows were being rewritten is made before the first migration, as the list of migrations is.

CALL kernel.share('kernel.unfinished_migration', 'which rows differed before migrations, nothing of what they hold', readable => false);
