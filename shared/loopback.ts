/** The one address that the console and the embedded PostgreSQL listen on: no other machine reaches it. */
export const LOOPBACK = '127.0.0.1'

/** The names under which a browser on this machine reaches the server. */
export function isLoopbackHost(host: string | undefined): boolean {
  const port = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?$/i.exec(host ?? '')
  return port !== null && Number(port[1] ?? 0) < 65_536
}

/** An address to listen on that no other machine reaches. */
export function isLoopbackAddress(address: string): boolean {
  return /^(?:localhost|127\.(?:\d{1,3}\.){2}\d{1,3}|::1|\[::1\])$/i.test(address)
}
