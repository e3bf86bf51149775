/**
 * The kinds of things that the comparison does not look at, each with the reason. This is the one list: the page, `iu conformance --json`
 * and docs/conformance.md show it as it stands here.
 */
export const NOT_COMPARED: readonly { kind: string, why: string }[] = [
  { kind: 'rows of the application', why: 'Events, attempts, units, collections and accounts are data. The accounting and the sealed history prove them.' },
  { kind: 'superusers who are members of nothing', why: 'A superuser may do everything whatever a comparison says, and the server needs one.' },
  { kind: 'roles with CREATEROLE, REPLICATION or BYPASSRLS that are members of nothing', why: 'They are the administrator\'s. On PostgreSQL 15 one with CREATEROLE can make itself a member, and is compared from then on.' },
  { kind: 'what is written into the system catalogue by hand', why: 'A definition is what PostgreSQL\'s own functions tell of it. What they do not show, such as pg_class.relhastriggers, only a superuser can change.' },
  { kind: 'functions that a function of another schema calls in its turn', why: 'A trigger or an event trigger is compared with the text of the function that it runs, and no further.' },
  { kind: 'materialized views, operators, domains and foreign tables in the schema, but for their names', why: 'None is ours, so each is drift, and none can be accepted.' },
  { kind: 'rights on PostgreSQL\'s own functions and tables of roles that are members of nothing', why: 'They do not reach the schema. The right to make something in pg_catalog is compared, whoever has it.' },
  { kind: 'connection limits and last days of roles and of the database', why: 'They let nobody in, and stop the console where anybody sees it.' },
  { kind: 'passwords and pg_hba.conf', why: 'The schema\'s owner may not read them.' },
  { kind: 'functions with their caller\'s rights in other schemas', why: 'Whoever calls one could do the same by himself.' },
  { kind: 'functions that put the schema\'s name together', why: 'What a text becomes when it is run stands in no catalogue.' },
  { kind: 'objects in temporary schemas', why: 'They are gone with their session, and our functions look there last.' },
  { kind: 'security labels', why: 'They mean something to an extension alone, and none of ours reads them.' },
  { kind: 'tablespaces', why: 'Where files lie changes nothing of what is in them.' },
  { kind: 'physical replication slots', why: 'They belong to the server as a whole and only read.' },
  { kind: 'extensions and languages', why: 'They come by an administrator. What they make upon our objects is compared.' },
  { kind: 'server settings but for those that are named', why: 'Only those that let damage or a forged change pass guard the schema.' },
]
