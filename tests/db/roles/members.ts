import type pg from 'pg'
import type { TestDatabase } from '../harness.ts'
import { PEOPLE } from '../setup.ts'

export interface Member {
  /** Its name: an actor without a token is `db:` and this. */
  name: string
  /** A new connection on which it has logged in by itself. */
  login(): Promise<pg.Client>
  /** Ends its connections. The login belongs to the whole cluster, and stays. */
  drop(): Promise<void>
}

const taken = new WeakMap<TestDatabase, Set<string>>()

/** A login that is a member of a role which cannot log in, and that nobody else has in this database. */
export function memberOf(db: TestDatabase, role: string): Member {
  const mine = taken.get(db) ?? new Set()
  taken.set(db, mine)
  const person = PEOPLE.find(one => one.role === role && !mine.has(one.name))
  if (!person) throw new Error(`there are no more members of ${role}: tests/db/setup.ts makes them`)
  mine.add(person.name)
  const clients: pg.Client[] = []
  return {
    name: person.name,
    async login() {
      const client = await db.login(person.name)
      clients.push(client)
      return client
    },
    async drop() {
      mine.delete(person.name)
      await Promise.all(clients.map(client => client.end()))
    },
  }
}
