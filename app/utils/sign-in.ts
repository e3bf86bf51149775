import type { Problem } from '~~/shared/problem'
import { trimmedId } from '~~/shared/visible'

export type SignInAnswer = { signedIn: true } | { problem: string, wait?: number }

/** Asks for a session; the token comes as a cookie that no script can read. */
export async function signIn(form: FormData): Promise<SignInAnswer> {
  const { status, headers, _data } = await $fetch.raw<Problem>('/api/session', {
    method: 'POST', body: { account: trimmedId(String(form.get('account'))), password: form.get('password') }, ignoreResponseError: true, retry: 0,
  }).catch(() => ({ status: 0, headers: new Headers(), _data: undefined }))
  if (status === 200) return { signedIn: true }
  if (status === 429) return { problem: 'Too many attempts.', wait: Math.max(1, Number(headers.get('retry-after')) || 1) }
  return { problem: status === 0 ? 'The console\'s server does not answer.' : `${_data?.title ?? 'Signing in did not work'}.` }
}
