import { defineCommand } from 'citty'
import { withDatabase } from '../database.ts'
import { registerViews } from '../directus.ts'
import { count, say, sayJson } from '../report.ts'

export default defineCommand({
  meta: { name: 'directus', description: 'what Directus is told of our views' },
  subCommands: {
    register: defineCommand({
      meta: { name: 'register', description: 'register every view that readers may see as a read-only collection, where Directus\' tables are in the database' },
      args: {
        plan: { type: 'boolean', description: 'only say what would be added' },
        reader: { type: 'string', description: 'a policy of Directus (before version 11: a role) that may read them; without it only its administrators do' },
        json: { type: 'boolean', description: 'one JSON document' },
      },
      run: ({ args }) => withDatabase(async (client) => {
        const registration = await registerViews(client, { plan: Boolean(args.plan), reader: args.reader })
        if (args.json) return sayJson(registration ? { connected: true, planned: Boolean(args.plan), ...registration } : { connected: false })
        if (!registration) return say('not connected: Directus\' tables are not in this database')
        const { schema, collections, fields, permissions } = registration
        const added = [...collections.map(name => `+ collection ${name}`), ...fields.map(name => `+ field ${name}`), ...permissions.map(name => `+ permission to read ${name}`)]
        if (args.plan && added.length) say(added.join('\n'))
        say(added.length
          ? `${args.plan ? 'would add to' : 'added to'} ${schema}: ${count(collections.length, 'collection')}, ${count(fields.length, 'field')}, ${count(permissions.length, 'permission')}`
          : `nothing to add to ${schema}`)
      }),
    }),
  },
})
