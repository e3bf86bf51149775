/** Without accounts the server listens on loopback only; the preset reads these variables after the plugins ran. */
export default defineNitroPlugin(() => {
  if (import.meta.dev || import.meta.prerender) return
  const asked = process.env.NITRO_HOST || process.env.HOST
  if (asked && !isLoopbackAddress(asked)) {
    console.error(`The console has no accounts yet and listens on loopback only; NITRO_HOST/HOST is "${asked}". Unset it, or set it to 127.0.0.1.`)
    process.exit(1)
  }
  if (process.env.NITRO_UNIX_SOCKET) return
  process.env.NITRO_HOST = asked || '127.0.0.1'
})
