import { describe, expect, it } from 'vitest'
import { clientOf, trustedProxies } from '../../server/utils/client.ts'

const NOBODY = trustedProxies('')
const PROXIES = trustedProxies('10.0.0.7, 192.168.0.0/16, fd00::/8, 127.0.0.1')

describe('the client of a request', () => {
  it.each([
    ['203.0.113.5', undefined, '203.0.113.5'],
    ['203.0.113.5', '198.51.100.1', '203.0.113.5'], // whoever is no proxy writes what he likes
    ['10.0.0.7', '198.51.100.1', '198.51.100.1'],
    ['10.0.0.7', 'made up, 198.51.100.1', '198.51.100.1'],
    ['10.0.0.7', '203.0.113.9, 198.51.100.1, 192.168.3.4', '198.51.100.1'],
    ['::ffff:127.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.7', '192.168.1.1, 10.0.0.7', '192.168.1.1'],
    ['10.0.0.7', '', '10.0.0.7'],
    ['10.0.0.7', 'unknown', '10.0.0.7'],
    ['fd00::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::9', undefined, '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0000:ffff::', undefined, '2001:db8:0:0::/64'],
  ])('that comes from %s with %j is %s', (peer, forwarded, client) => {
    expect(clientOf(peer, forwarded, PROXIES)).toBe(client)
  })

  it('is the peer where no proxy is named', () => {
    expect(clientOf('127.0.0.1', '198.51.100.1', NOBODY)).toBe('127.0.0.1')
  })

  it.each(['proxy.example', '10.0.0.0/99', '10.0.0.7;10.0.0.8'])('needs a setting that says what it means, not %s', (setting) => {
    expect(() => trustedProxies(setting)).toThrow()
  })
})
