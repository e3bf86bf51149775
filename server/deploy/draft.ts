import type { CatalogueObject } from './catalogue.ts'
import type { Definition } from './definitions.ts'

/** The migration of a unit that changes nothing. */
export const NOTHING = '-- unit: schema\n'

/** The three files of a unit, as far as they can be written without thinking. */
export interface Draft { migration: string, rollback: string, verify: string }

const KIND_OF = { schema: 'schemas', table: 'tables', function: 'functions', view: 'views', trigger: 'triggers' } as const
type ObjectClass = keyof typeof KIND_OF

const DROP_ORDER = ['trigger', 'view', 'function', 'table', 'schema']

const nameOf = (object: CatalogueObject) => object.identity.split(/[( ]/, 1)[0]!

function definitionOf(object: CatalogueObject, definitions: Definition[]): Definition {
  const found = definitions.find(definition => definition.kind === KIND_OF[object.class as ObjectClass] && definition.name === nameOf(object))
  if (!found) throw new Error(`${object.class} ${object.identity} has no definition file of its name`)
  return found
}

function drop(object: CatalogueObject): string {
  if (object.class === 'schema') return `DROP SCHEMA ${object.identity};`
  if (object.class === 'trigger') return `DROP TRIGGER ${object.identity.replace(' on ', ' ON iu_core.')};`
  return `DROP ${object.class.toUpperCase()} iu_core.${object.identity};`
}

/** The catalogue names a view alone; where a rollback makes it again, the first schema of the path is another. */
const definitionIn = ({ class: kind, definition }: CatalogueObject) => kind === 'view' ? definition.replace(/^CREATE VIEW /m, 'CREATE VIEW iu_core.') : definition
/** The statements that make a dropped object again. A new function may be called by PUBLIC until that is taken away. */
const remake = (object: CatalogueObject) => object.class === 'function' ? `${object.definition}\nREVOKE ALL ON FUNCTION ${object.identity} FROM PUBLIC;` : definitionIn(object)
const literal = (text: string) => `'${text.replaceAll('\'', '\'\'')}'`
const replace = (sql: string) => sql.replace(/^CREATE (FUNCTION|VIEW)/m, 'CREATE OR REPLACE $1')
const byHand = (what: string) => `DO $$ BEGIN RAISE EXCEPTION ${literal(`draft: write ${what}`)}; END $$;`

/**
 * Drafts a schema unit from what the migrations build today (`before`) and what the definitions build
 * (`after`). New, changed and dropped functions, views and triggers, and new tables, come out ready; a
 * changed table comes out as a statement that raises until its ALTER is written by hand.
 * `only` narrows the draft to some areas. Pure: it reads nothing but its arguments.
 * @throws {Error} for an object without a definition file of its name.
 */
export function draftUnit(before: CatalogueObject[], after: CatalogueObject[], definitions: Definition[], only?: string[]): Draft {
  const schemaObjects = (objects: CatalogueObject[]) => new Map(objects.filter(object => object.class in KIND_OF).map(object => [`${object.class} ${object.identity}`, object]))
  const old = schemaObjects(before)
  const wanted = schemaObjects(after)
  const order = (object: CatalogueObject) => definitions.indexOf(definitionOf(object, definitions))
  const made = [...wanted.values()]
    .filter(object => old.get(`${object.class} ${object.identity}`)?.definition !== object.definition)
    .filter(object => !only || only.includes(definitionOf(object, definitions).area))
    .sort((a, b) => order(a) - order(b))
  // No definition says any more what a dropped object required: by kind, users before what they use.
  const dropped = [...old.values()].filter(object => !wanted.has(`${object.class} ${object.identity}`))
    .sort((a, b) => DROP_ORDER.indexOf(a.class) - DROP_ORDER.indexOf(b.class))
  const forward = made.map((object) => {
    const sql = definitionOf(object, definitions).sql.trimEnd()
    if (!old.has(`${object.class} ${object.identity}`)) return sql
    if (object.class === 'function' || object.class === 'view') return replace(sql)
    if (object.class === 'trigger') return `${drop(object)}\n${sql}`
    return byHand(`the ALTER of ${object.class} ${object.identity}`)
  })
  const backward = [...made].reverse().map((object) => {
    const was = old.get(`${object.class} ${object.identity}`)
    if (!was) return drop(object)
    if (object.class === 'function' || object.class === 'view') return replace(definitionIn(was))
    if (object.class === 'trigger') return `${drop(object)}\n${was.definition}`
    return byHand(`the reverse ALTER of ${object.class} ${object.identity}`)
  })
  const newTables = made.filter(object => object.class === 'table' && !old.has(`table ${object.identity}`)).map(object => literal(object.identity))
  const guard = newTables.length ? [`SELECT iu_core.fn_iu_refuse_if_history(${newTables.join(', ')});`] : []
  const classes = [...new Set([...made, ...dropped].map(object => object.class))].sort()
  // The catalogue spells names for this search_path.
  const path = 'SET LOCAL search_path = pg_catalog, iu_core, pg_temp;'

  const facts = [
    ...made.map(object => `    (${literal(object.class)}, ${literal(object.identity)}, ${literal(object.facts)})`),
    ...dropped.map(object => `    (${literal(object.class)}, ${literal(object.identity)}, NULL)`),
  ]
  return {
    migration: [NOTHING.trimEnd(), ...forward, ...(dropped.length ? [path, ...dropped.map(drop)] : [])].join('\n\n') + '\n',
    rollback: [path, ...guard, ...[...dropped].reverse().map(remake), ...backward].join('\n') + '\n',
    verify: `-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
${facts.join(',\n')}
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{${classes.join(',')}}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
`,
  }
}
