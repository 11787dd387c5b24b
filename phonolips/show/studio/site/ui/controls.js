// What the buttons and fields show, from the state alone.

import { canExport, FORMATS, PHONES } from '../engine/index.js';
import { filmKinds } from './film.js';
import { alignmentOf, secondsOf, selectedInterval } from './state.js';
import { LANGUAGES, say } from './strings.js';

export const byId = (id) => document.getElementById(id);

const option = (value, text, chosen) => new Option(text, value, false, value === chosen);

/** Set a field that is not being written in. */
function set(field, value) {
  if (document.activeElement !== field && field.value !== String(value)) field.value = value;
}

function showWords(language) {
  document.documentElement.lang = language;
  document.title = say(language, 'title');
  for (const element of document.querySelectorAll('[data-say]')) element.textContent = say(language, element.dataset.say);
  for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', say(language, element.dataset.label));
  for (const element of document.querySelectorAll('[data-title]')) {
    element.title = say(language, element.dataset.title);
    if (!element.dataset.say) element.setAttribute('aria-label', element.title);
  }
  byId('language').replaceChildren(...Object.entries(LANGUAGES).map(([code, name]) => option(code, name, language)));
}

const showThemes = ({ language, theme }) => byId('theme').replaceChildren(...['auto', 'light', 'dark'].map((name) => option(name, say(language, `theme.${name}`), theme)));

function showEngine({ engine, language, document: edited }) {
  for (const id of ['speak', 'open', 'live']) byId(id).disabled = !engine;
  if (!engine) return;
  byId('model').replaceChildren(...engine.models.map((name) => option(name, name, engine.name)));
  byId('modelLine').hidden = engine.models.length < 2;
  const chosen = edited?.options.speaker ?? byId('speaker').value;
  const name = chosen?.name ?? chosen;
  const names = engine.speakers.includes(name) || !name ? engine.speakers : [...engine.speakers, name];
  byId('speaker').replaceChildren(...names.map((one) => option(one, one, name || 'mean')));
  byId('parameter').replaceChildren(...engine.lipParameterNames.map((one, i) => option(String(i), say(language, `parameter.${one}`), byId('parameter').value || '0')));
}

function showExports({ result, language }, { onExport, onFilm }) {
  if (!result) return;
  byId('formats').replaceChildren(
    ...FORMATS.filter(({ name }) => canExport(result, name)).map(({ name, file, title }) => {
      const button = Object.assign(document.createElement('button'), { type: 'button', textContent: file });
      button.addEventListener('click', () => onExport(name));
      const line = document.createElement('li');
      line.append(button, title);
      return line;
    }),
  );
  byId('films').replaceChildren(
    ...['film', 'film.face'].flatMap((what) =>
      filmKinds().map(([ending, type]) => {
        const button = Object.assign(document.createElement('button'), { type: 'button', textContent: `${say(language, what)} (${ending})` });
        button.addEventListener('click', () => onFilm(what, ending, type));
        return button;
      }),
    ),
  );
  if (!byId('films').childElementCount) byId('films').textContent = say(language, 'error.film');
}

function showSelection(state) {
  const one = selectedInterval(state);
  byId('selection').hidden = !state.document || Boolean(state.live);
  if (!one) return;
  set(byId('tier'), state.selected.tier);
  set(byId('label'), one.label);
  set(byId('start'), one.start.toFixed(2));
  set(byId('end'), one.end.toFixed(2));
  byId('start').disabled = state.selected.index === 0;
  byId('end').disabled = state.selected.index === alignmentOf(state)[state.selected.tier].length - 1;
}

/** Keep the controls as the state is. `exports` is {onExport, onFilm}. */
export function attachControls(store, exports) {
  byId('phoneNames').replaceChildren(...PHONES.map((name) => new Option(name)));
  byId('brush').replaceChildren(...PHONES.map((name) => option(name, name, store.state.brush.phone)));
  const show = (state, last) => {
    const differs = (...names) => !last || names.some((name) => state[name] !== last[name]);
    if (differs('language')) showWords(state.language);
    if (differs('language', 'theme')) {
      showThemes(state);
      if (state.theme === 'auto') delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = state.theme;
    }
    if (differs('language', 'engine', 'document')) showEngine(state);
    if (differs('language', 'result')) showExports(state, exports);
    if (differs('language', 'playing')) byId('play').textContent = `${state.playing ? '❚❚' : '▶'} ${say(state.language, state.playing ? 'pause' : 'play')}`;
    if (differs('language', 'live')) {
      byId('live').textContent = say(state.language, state.live ? 'live.stop' : 'live');
      byId('live').setAttribute('aria-pressed', String(Boolean(state.live)));
    }
    if (differs('title')) byId('title').textContent = state.title;
    if (differs('time', 'result')) byId('clock').textContent = state.result ? `${state.time.toFixed(2)} / ${secondsOf(state).toFixed(2)} s` : '';
    if (differs('notice', 'busy', 'language')) {
      const { notice, busy } = state;
      byId('error').hidden = !notice?.bad;
      byId('error').textContent = notice?.bad ? notice.text : '';
      byId('notice').textContent = busy ? say(state.language, busy.what, { done: Math.floor(busy.done * 20) * 5 }) : notice && !notice.bad ? notice.text : '';
    }
    const still = Boolean(state.result) && !state.live;
    for (const id of ['play', 'back', 'forward', 'zoomIn', 'zoomOut', 'fit', 'save', 'export']) byId(id).disabled = !still;
    byId('undo').disabled = !still || !state.past.length;
    byId('redo').disabled = !still || !state.future.length;
    byId('compare').disabled = byId('compareWith').disabled = !still || !state.document;
    byId('compare').setAttribute('aria-pressed', String(state.comparing));
    for (const button of document.querySelectorAll('[data-tool]')) {
      button.disabled = !still || !state.document;
      button.setAttribute('aria-pressed', String(button.dataset.tool === state.tool));
    }
    for (const label of document.querySelectorAll('.brush, .pen')) {
      const paints = state.tool === 'paint' || state.tool === 'erase';
      label.hidden = !((paints && label.classList.contains('brush')) || (state.tool === 'draw' && label.classList.contains('pen')));
    }
    byId('timeline').classList.toggle('drawing', state.tool !== 'select');
    set(byId('brush'), state.brush.phone);
    set(byId('speed'), state.speed);
    if (state.document) set(byId('articulation'), state.document.options.articulation ?? 1);
    showSelection(state);
  };
  store.subscribe(show);
  show(store.state, null);
}
