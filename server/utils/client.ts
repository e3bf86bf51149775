import { BlockList, isIP } from 'node:net'

/** An address without the spelling that IPv6 gives to one of IPv4. */
const plain = (address: string) => address.trim().replace(/^::ffff:(?=\d+\.)/i, '')
const familyOf = (address: string) => isIP(address) === 6 ? 'ipv6' : 'ipv4'

/** The addresses and networks of a setting like `10.0.0.7, 192.168.0.0/16`. @throws {Error} for what is neither. */
export function trustedProxies(setting: string): BlockList {
  const trusted = new BlockList()
  for (const entry of setting.split(',').map(text => text.trim()).filter(Boolean)) {
    const [address, bits] = entry.split('/')
    if (!isIP(address!)) throw new Error(`NUXT_TRUSTED_PROXIES: "${entry}" is no address and no network`)
    if (bits === undefined) trusted.addAddress(address!, familyOf(address!))
    else trusted.addSubnet(address!, Number(bits), familyOf(address!))
  }
  return trusted
}

/**
 * Who is at the other end: the nearest address that no trusted proxy has. What a client writes into the header itself
 * stands before what the proxies add, so it is never reached. Of IPv6 the network counts: its /64 is one client's.
 */
export function clientOf(peer: string, forwarded: string | undefined, trusted: BlockList): string {
  const isTrusted = (address: string) => isIP(address) !== 0 && trusted.check(address, familyOf(address))
  let client = plain(peer)
  for (const hop of (forwarded ?? '').split(',').reverse()) {
    if (!isTrusted(client)) break
    const address = plain(hop)
    if (!isIP(address)) break
    client = address
  }
  return isIP(client) === 6 ? networkOf(client) : client
}

/** The first four groups of an IPv6 address. */
function networkOf(address: string): string {
  const [head, tail] = address.split('%')[0]!.split('::').map(part => part.split(':').filter(Boolean))
  const groups = tail === undefined ? head! : [...head!, ...Array<string>(Math.max(0, 8 - head!.length - tail.length)).fill('0'), ...tail]
  return `${groups.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
