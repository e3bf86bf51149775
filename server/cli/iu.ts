#!/usr/bin/env node
import { defineCommand, renderUsage, runCommand } from 'citty'
import { EXIT, explain, say } from './report.ts'

const iu = defineCommand({
  meta: { name: 'iu', version: '0.1.0', description: 'Governed text in PostgreSQL, with an outbox in which every event is accounted for' },
  subCommands: {
    demo: () => import('./commands/demo.ts').then(module => module.default),
    db: () => import('./commands/db.ts').then(module => module.default),
    gate: () => import('./commands/gate.ts').then(module => module.default),
    import: () => import('./commands/import.ts').then(module => module.default),
    render: () => import('./commands/render.ts').then(module => module.default),
    worker: () => import('./commands/worker.ts').then(module => module.default),
  },
})

/** The command that the words name, for its help: its own words are left, the first is the program's. */
async function helpFor(words: string[]): Promise<string> {
  let command: Parameters<typeof renderUsage>[0] = iu
  let parent: typeof command | undefined
  for (const word of words) {
    const children = (typeof command.subCommands === 'function' ? await command.subCommands() : await command.subCommands) ?? {}
    const child = children[word]
    if (!child) break
    parent = command
    command = (typeof child === 'function' ? await child() : await child) as typeof command
  }
  return renderUsage(command, parent)
}

const words = process.argv.slice(2)
const isHelp = words.length === 0 || words.includes('--help') || words.includes('-h')
if (isHelp) {
  say(await helpFor(words.filter(word => !word.startsWith('-'))))
  process.exitCode = words.length === 0 ? EXIT.usage : EXIT.done
}
else if (words[0] === '--version') {
  say('0.1.0')
}
else {
  try {
    await runCommand(iu, { rawArgs: words })
  }
  catch (error) {
    process.exitCode = explain(error, words.includes('--json'))
  }
}
