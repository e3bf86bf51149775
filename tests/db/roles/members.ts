import pg from 'pg'
import { exclusively, type TestDatabase } from '../harness.ts'

export interface Member {
  /** Its name: an actor without a token is `db:` and this. */
  name: string
  /** A new connection on which it has logged in by itself. */
  login(): Promise<pg.Client>
  /** Takes the role away again; roles belong to the whole cluster. */
  drop(): Promise<void>
}

let made = 0

/** A login of its own that is a member of a role which cannot log in. */
export async function memberOf(db: TestDatabase, role: string): Promise<Member> {
  const name = `${db.name.replace('iu_test', 'member')}_${role.replace('iu_', '')}_${++made}`
  const password = pg.escapeLiteral(decodeURIComponent(new URL(db.loginUrl(name)).password))
  await exclusively(admin => admin.query(`CREATE ROLE ${name} LOGIN PASSWORD ${password} IN ROLE ${pg.escapeIdentifier(role)}`))
  const clients: pg.Client[] = []
  return {
    name,
    async login() {
      const client = await db.login(name)
      clients.push(client)
      return client
    },
    async drop() {
      await Promise.all(clients.map(client => client.end()))
      await exclusively(admin => admin.query(`DROP ROLE ${name}`))
    },
  }
}
