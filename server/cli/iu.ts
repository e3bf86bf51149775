#!/usr/bin/env node
import module from 'node:module'
import { stripVTControlCharacters } from 'node:util'
import { defineCommand, renderUsage, runCommand } from 'citty'
import { guardOutput, hasColors } from './output.ts'
import { EXIT, explain, Refusal, say } from './report.ts'

const VERSION = '0.1.0'

// A hundred modules of drizzle-orm import one another by path, and to know what each of them is Node would parse
// the package's description anew, all 180 KB of it: half of the time that a command takes.
module.registerHooks?.({
  resolve: (specifier, context, next) => specifier.startsWith('.') && context.parentURL?.includes('/node_modules/drizzle-orm/') && context.parentURL.endsWith('.js')
    ? { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true }
    : next(specifier, context),
})

const iu = defineCommand({
  meta: { name: 'iu', version: VERSION, description: 'Governed text in PostgreSQL, with an outbox in which every event is accounted for' },
  subCommands: {
    demo: () => import('./commands/demo.ts').then(module => module.default),
    account: () => import('./commands/account.ts').then(module => module.default),
    command: () => import('./commands/command.ts').then(module => module.default),
    conformance: () => import('./commands/conformance.ts').then(module => module.default),
    db: () => import('./commands/db.ts').then(module => module.default),
    directus: () => import('./commands/directus.ts').then(module => module.default),
    export: () => import('./commands/export.ts').then(module => module.default),
    gate: () => import('./commands/gate.ts').then(module => module.default),
    import: () => import('./commands/import.ts').then(module => module.default),
    ledger: () => import('./commands/ledger.ts').then(module => module.default),
    probe: () => import('./commands/probe.ts').then(module => module.default),
    render: () => import('./commands/render.ts').then(module => module.default),
    replay: () => import('./commands/replay.ts').then(module => module.default),
    retention: () => import('./commands/retention.ts').then(module => module.default),
    worker: () => import('./commands/worker.ts').then(module => module.default),
  },
})

type AnyCommand = Parameters<typeof renderUsage>[0]

/** The command that the words name, the one above it, and how it is called. */
async function find(words: string[]): Promise<{ command: AnyCommand, parent?: AnyCommand, name: string }> {
  let command: AnyCommand = iu
  let name = 'iu'
  let parent: AnyCommand | undefined
  for (const word of words) {
    const children = (typeof command.subCommands === 'function' ? await command.subCommands() : await command.subCommands) ?? {}
    const child = children[word]
    if (!child) break
    parent = command
    name += ` ${word}`
    command = (typeof child === 'function' ? await child() : await child) as AnyCommand
  }
  return { command, parent, name }
}

/** A mistyped flag must not be taken for one that was not given. */
async function refuseUnknownFlags(words: string[]): Promise<void> {
  const { command } = await find(words)
  const known = new Set(Object.keys((typeof command.args === 'function' ? await command.args() : await command.args) ?? {}))
  for (const word of words) {
    if (word === '--') return
    const flag = /^--?(?:no-)?([^=]+)/.exec(word)?.[1]
    if (flag !== undefined && !known.has(flag)) throw new Refusal(`unknown option ${word}`, EXIT.usage)
  }
}

guardOutput()
const words = process.argv.slice(2)
const isHelp = words.length === 0 || words.includes('--help') || words.includes('-h')
if (isHelp) {
  const { command, parent } = await find(words)
  const usage = await renderUsage(command, parent)
  say(hasColors() ? usage : stripVTControlCharacters(usage))
  process.exitCode = words.length === 0 ? EXIT.usage : EXIT.done
}
else if (words[0] === '--version') {
  say(VERSION)
}
else {
  try {
    await refuseUnknownFlags(words)
    await runCommand(iu, { rawArgs: words })
  }
  catch (error) {
    process.exitCode = explain(error, words.includes('--json'), (await find(words)).name)
  }
}
