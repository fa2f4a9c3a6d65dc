// Ask the page's server: one request takes a photo there, and its answer comes back; nothing is kept on either side.
const path = new URL(window.gradio_config?.root ?? '.', document.baseURI).pathname.replace(/[/]$/, '');
export const at = (place) => `${path}/${place}`;

// The answer for a photo's bytes. `waiting` is called with how many are before it, as long as there are any.
export const ask = async (place, body, { name = '', waiting = () => {}, signal, ...query } = {}) => {
  let reply;
  try {
    reply = await fetch(`${at(place)}?${new URLSearchParams(query)}`,
      { method: 'POST', body, signal, headers: { 'X-Name': encodeURIComponent(name) } });
    if (!reply.ok) return { error: await refusal(reply) };
    let told;
    for await (const line of lines(reply.body)) {
      told = JSON.parse(line);
      if ('waiting' in told) waiting(told.waiting);
    }
    return told ?? { error: 'The answer was lost; please try again.' };
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    const gone = body instanceof Blob && await body.slice(0, 1).arrayBuffer().then(() => false, () => true);
    return { error: gone ? `${name} was changed or moved; choose it again.`
      : 'The page does not answer; is it still running?' };
  }
};

const refusal = async (reply) => {
  const told = await reply.json().catch(() => ({}));
  return told.error ?? (typeof told.detail === 'string' ? told.detail : `The page answered ${reply.status}.`);
};

async function* lines(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const whole = (rest + value).split('\n');
    rest = whole.pop();
    yield* whole.filter(Boolean);
  }
}

// A probability as people read it; one below the border of "not sure" that would be rounded up to it has a decimal.
// The rule is that of `per_cent` in prediction/answers.py.
export const perCent = (p, border = null) => {
  const told = p >= 0.995 ? '>99 %' : p <= 0.005 ? '<1 %' : `${Math.round(100 * p)} %`;
  return border !== null && p < border && told === perCent(border) ? `${(Math.floor(1000 * p) / 10).toFixed(1)} %` : told;
};

// The live region of an answer stays the same node, so that screen readers hear of each change.
export const say = (live, content, role = 'status') => {
  live.setAttribute('role', role);
  live.replaceChildren();
  if (typeof content === 'string') live.innerHTML = content;
  else live.append(content);
};
export const element = (tag, { text = '', ...properties } = {}) =>
  Object.assign(document.createElement(tag), properties, text ? { textContent: text } : {});
export const hint = (live, text) => say(live, element('div', { className: 'hint busy', text }));
export const notice = (live, text) => say(live, element('div', { className: 'notice', text }), 'alert');

export const save = (content, name) => {
  const url = typeof content === 'string' ? content : URL.createObjectURL(content);
  element('a', { href: url, download: name }).click();
  if (typeof content !== 'string') setTimeout(() => URL.revokeObjectURL(url), 60_000);
};
