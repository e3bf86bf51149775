import { fileURLToPath } from 'node:url'
import { contractOf } from './server/deploy/contract.ts'
import { shownTexts } from './app/compiler/shown.ts'
import { readUnits } from './server/deploy/units.ts'

const strict = { noUncheckedIndexedAccess: true, erasableSyntaxOnly: true, allowImportingTsExtensions: true } as const

/** The thread that cuts texts is a file of its own in the build, since only an address in the source says that there is one. In development it is the source. */
const threadFile = () => ({
  name: 'iu-thread-file',
  transform(this: { meta: { watchMode: boolean }, emitFile(file: { type: 'chunk', id: string, fileName: string }): string, error(message: string): never }, code: string, id: string) {
    if (!id.endsWith('/server/import/cutter.ts')) return
    const source = new URL('server/import/worker.ts', import.meta.url)
    const { watchMode: isDevelopment } = this.meta
    if (!isDevelopment) this.emitFile({ type: 'chunk', id: fileURLToPath(source), fileName: 'cut.mjs' })
    // Nitro has import.meta.url stand for its entry, beside which the file lies.
    const built = code.replace(/new URL\(["']\.\/worker\.ts["'], /, isDevelopment ? `new URL(${JSON.stringify(source.href)}, ` : 'new URL("./cut.mjs", ')
    return built === code ? this.error('the thread of the cut is not found') : { code: built, map: null }
  },
})

export default defineNuxtConfig({
  modules: [
    '@nuxt/ui', '@nuxt/eslint', 'nuxt-security', 'nuxt-auth-utils',
    // NuxtIcon calls it, and ids are counted by calls: without it in the browser, ids differ from the server's.
    (_, nuxt) => {
      const { client } = nuxt.options.optimization.treeShake.composables
      client.vue = (client.vue ?? []).filter(name => name !== 'onServerPrefetch')
    },
    // Nuxt UI puts the icons of all its components into the first script; these belong to components that no page has.
    (_, nuxt) => {
      nuxt.hook('icon:clientBundleIcons', (icons) => {
        for (const name of ['arrow-up-right', 'chevrons-right', 'copy-check', 'eye', 'eye-off', 'folder-open', 'grip-vertical', 'hash', 'lightbulb', 'rotate-ccw', 'star', 'upload'])
          icons.delete(`lucide:${name}`)
      })
    },
  ],
  components: [{ path: '~/components', pathPrefix: false }],
  devtools: { enabled: false },
  app: {
    head: {
      htmlAttrs: { lang: 'en' },
      meta: [{ name: 'viewport', content: 'width=device-width, initial-scale=1' }, { name: 'robots', content: 'noindex' }],
      link: [{ rel: 'icon', type: 'image/svg+xml', href: '/favicon.svg' }],
    },
  },
  css: ['~/assets/css/main.css'],
  ui: { fonts: false },
  runtimeConfig: {
    databaseUrl: '', // NUXT_DATABASE_URL, with the role iu_console
    workerDatabaseUrl: '', // NUXT_WORKER_DATABASE_URL, as a member of iu_worker: for the schedule's passes
    trustedProxies: '', // NUXT_TRUSTED_PROXIES: addresses and networks whose X-Forwarded-For is believed
    session: {
      name: 'iu-session',
      password: '', // NUXT_SESSION_PASSWORD seals the cookie
      maxAge: 7 * 24 * 3600, // the database ends a session earlier
      cookie: { sameSite: 'strict', secure: false }, // plain http, on loopback
    },
  },
  experimental: {
    appManifest: false,
    // Code of another page is fetched when its link is pointed at, not because it is in sight.
    defaults: { nuxtLink: { prefetchOn: { interaction: true, visibility: false } } },
  },
  compatibilityDate: '2026-11-01',
  nitro: {
    compressPublicAssets: { gzip: true, brotli: true },
    // The server runs where package.json says; whole numbers of any size are written as such.
    esbuild: { options: { target: 'es2022' } },
    replace: { __IU_CONTRACT__: JSON.stringify(contractOf(readUnits(fileURLToPath(new URL('drizzle', import.meta.url))))) },
    typescript: { tsConfig: { compilerOptions: strict } },
    rollupConfig: { output: {}, plugins: [threadFile()] },
  },
  vite: {
    vue: { template: { compilerOptions: { nodeTransforms: [shownTexts] } } },
    // What is shared is bundled by Nitro. Utils that tests take by themselves import it by a relative path, which must not be told from where the build lies.
    $server: { build: { rolldownOptions: { makeAbsoluteExternalsRelative: false } } },
  },
  typescript: {
    strict: true,
    tsConfig: { compilerOptions: strict },
    sharedTsConfig: { compilerOptions: strict },
    nodeTsConfig: {
      compilerOptions: { ...strict, types: ['node'] },
      include: ['../tests/**/*.ts', '../drizzle/**/*.ts', '../*.config.ts', '../server/db/**/*.ts'],
    },
  },
  telemetry: { enabled: false },
  hooks: {
    // What a page loads lazily is fetched when it is wanted, not in case it might be.
    'build:manifest': (manifest) => {
      for (const entry of Object.values(manifest)) {
        entry.dynamicImports = []
        entry.prefetch = false
      }
    },
  },
  auth: { loadStrategy: 'none' },
  eslint: { config: { stylistic: true } },
  icon: {
    provider: 'server',
    fallbackToApi: false,
    serverBundle: { collections: ['lucide'] },
    clientBundle: { scan: { globInclude: ['app/**/*.{vue,ts}'] } },
  },
  security: {
    nonce: true,
    sri: false,
    headers: {
      contentSecurityPolicy: {
        'default-src': ['\'self\''],
        'base-uri': ['\'none\''],
        'object-src': ['\'none\''],
        'frame-ancestors': ['\'none\''],
        'form-action': ['\'self\''],
        'img-src': ['\'self\'', 'data:'],
        'font-src': ['\'self\''],
        'connect-src': ['\'self\''],
        'script-src': ['\'self\'', '\'strict-dynamic\'', '\'nonce-{{nonce}}\''],
        'script-src-attr': ['\'none\''],
        'style-src': ['\'self\'', '\'unsafe-inline\''], // style attributes of the components and the chart
        'upgrade-insecure-requests': false, // the console is served on plain http, on loopback
      },
      strictTransportSecurity: false,
      crossOriginEmbedderPolicy: false,
      xFrameOptions: 'DENY',
    },
    rateLimiter: false,
    xssValidator: false, // it refuses any `<b>` in a search; Vue escapes what it prints
    corsHandler: false, // its default allows every origin
    removeLoggers: false,
    requestSizeLimiter: false, // each route that takes a body has its own limit
  },
})
