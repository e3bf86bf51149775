import { isLoopbackAddress, LOOPBACK } from '../../shared/loopback.ts'

/** The server listens on loopback only; the preset reads these variables after the plugins ran. */
export default defineNitroPlugin(() => {
  if (import.meta.dev || import.meta.prerender) return
  const asked = process.env.NITRO_HOST || process.env.HOST
  if (asked && !isLoopbackAddress(asked)) {
    console.error(`The console listens on loopback only; NITRO_HOST/HOST is "${asked}". Unset it, or set it to ${LOOPBACK}.`)
    process.exit(1)
  }
  // Without it nobody could sign in, and each try would end in a fault.
  if (useRuntimeConfig().session.password.length < 32) {
    console.error('NUXT_SESSION_PASSWORD is not set, or shorter than 32 characters: it seals the cookies. Make one with: openssl rand -base64 32')
    process.exit(1)
  }
  if (process.env.NITRO_UNIX_SOCKET) return
  process.env.NITRO_HOST = asked || LOOPBACK
})
