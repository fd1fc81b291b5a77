// What the page does beside Gradio: rows of jobs by events, comparison, the service.
const lipsync = (() => {
  const lang = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  const w = WORDS[lang];
  const $ = (selector, within = document) => within.querySelector(selector);
  const PAGE = 100;  // rows that are shown, and that are shown more
  let stream = null, most = PAGE;

  function element(tag, more = {}, ...inside) {
    const made = Object.assign(document.createElement(tag), more);
    made.append(...inside);
    return made;
  }
  const fragment = html => element("template", {innerHTML: html}).content.firstElementChild;

  // Jobs: drawn by the server, put in their places here.

  function connect() {
    stream?.close();
    stream = new EventSource(`jobs/events?most=${most}`);
    stream.onmessage = message => draw(JSON.parse(message.data));
    stream.onerror = () => say(w.away);
  }

  function say(words) {
    const note = $("#jobs .state-of-service");
    if (note && note.textContent !== words) note.textContent = words;
  }

  function draw({rows = {}, order, more, away}) {
    const list = $("#jobs ol");
    if (!list) return;
    say(away || "");
    if (away) return;
    const focused = document.activeElement?.dataset?.act && document.activeElement;
    const at = focused && [focused.closest("li")?.id, focused.dataset.act];
    for (const [id, html] of Object.entries(rows)) {
      const row = fragment(html), before = document.getElementById(row.id);
      before ? before.replaceWith(row) : list.append(row);
    }
    if (order) {
      const known = new Set(order);
      for (const row of [...list.children]) if (!known.has(row.dataset.id)) row.remove();
      order.forEach((id, place) => {
        const row = document.getElementById(`job-${id}`);
        if (row && list.children[place] !== row) list.insertBefore(row, list.children[place] || null);
      });
    }
    if (at) $(`#${at[0]} [data-act="${at[1]}"]`)?.focus();
    $("#jobs .none").hidden = list.children.length > 0;
    $("#jobs .zip").hidden = !$(".job.succeeded", list);
    if (more !== undefined) $("#jobs .more").hidden = !more;
  }

  function jobs(place) {
    place.append(
      element("p", {className: "state-of-service why", role: "status"}),
      element("div", {className: "acts"},
        element("a", {className: "button zip", href: "jobs.zip", textContent: w.download_all, hidden: true, download: ""})),
      element("p", {className: "none", textContent: w.connecting}),
      element("ol"),
      element("div", {className: "acts"},
        element("button", {className: "more", textContent: w.show_more, hidden: true,
          onclick: () => { most += PAGE; connect(); }})),
    );
    connect();
    stream.addEventListener("message", () => { $("#jobs .none").textContent = w.no_jobs; }, {once: true});
  }

  async function post(address, body) {
    const how = {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body || {})};
    const answer = await fetch(address, how);
    if (answer.ok) return true;
    const {error} = await answer.json().catch(() => ({error: {message: answer.statusText, hint: ""}}));
    tell(`${error.message} ${error.hint}`);
    return false;
  }

  function tell(words) {
    dialog(element("p", {textContent: words, role: "alert"}));
  }

  function dialog(...inside) {
    const close = element("button", {textContent: w.close, className: "close", onclick: () => shown.close()});
    const shown = element("dialog", {onclose: () => shown.remove()}, ...inside, close);
    document.body.append(shown);
    shown.showModal();
    return shown;
  }

  const acts = {
    cancel: id => post(`jobs/${id}/cancel`),
    retry: id => post(`jobs/${id}/retry`),
    remove: id => post(`jobs/${id}/remove`),
    compare: id => compare(id),
    story: async id => {
      const answer = await fetch(`jobs/${id}/story`);
      if (answer.ok) dialog(element("h2", {textContent: w.story}), fragment(await answer.text()));
    },
  };

  document.addEventListener("click", event => {
    const button = event.target.closest?.("[data-act]");
    if (button) acts[button.dataset.act](button.closest("li").dataset.id);
    const what = event.target.closest?.("[data-service]")?.dataset.service;
    if (what) post(`service/${what}`).then(service);
  });

  // A result beside its source: the result leads, the source follows, one of them is heard.

  async function compare(id) {
    const head = await fetch(`jobs/${id}/face`, {headers: {Range: "bytes=0-0"}});
    const kind = head.ok ? head.headers.get("Content-Type") : "";
    const result = element("video", {src: `jobs/${id}/result`, playsInline: true, preload: "auto", id: "result"});
    const note = element("p", {className: "why", role: "status", textContent: head.ok ? "" : w.no_source});
    const source = kind.startsWith("image/")
      ? element("img", {src: `jobs/${id}/face`, alt: w.source})
      : element("video", {src: head.ok ? `jobs/${id}/face` : "", muted: true, playsInline: true, preload: "auto", id: "source"});
    source.onerror = () => { if (head.ok) note.textContent = w.not_shown; };
    const stage = element("div", {className: head.ok ? "stage side" : "stage alone"},
      element("figure", {className: "source"}, source, element("figcaption", {textContent: w.source})),
      element("figure", {className: "result"}, result, element("figcaption", {textContent: w.result})));
    const isVideo = source.tagName === "VIDEO";
    const play = element("button", {textContent: w.play, className: "main",
      onclick: () => result.paused ? result.play() : result.pause()});
    const seek = element("input", {type: "range", min: 0, max: 1, step: "any", value: 0, ariaLabel: w.position,
      oninput: () => { result.currentTime = seek.value * (result.duration || 0); }});
    const line = element("input", {type: "range", min: 0, max: 100, value: 50, ariaLabel: w.wipe, hidden: true,
      oninput: () => stage.style.setProperty("--line", `${line.value}%`)});
    const wipe = element("button", {textContent: w.wipe, ariaPressed: "false", hidden: !head.ok, onclick: () => {
      const on = stage.classList.toggle("wipe");
      stage.classList.toggle("side", !on);
      wipe.ariaPressed = String(on);
      line.hidden = !on;
    }});
    const sound = element("button", {textContent: `${w.sound}: ${w.result}`, hidden: !isVideo || !head.ok, onclick: () => {
      result.muted = !result.muted;
      source.muted = !result.muted;
      sound.textContent = `${w.sound}: ${result.muted ? w.source : w.result}`;
    }});
    const follow = () => {
      seek.value = result.currentTime / (result.duration || 1);
      if (!isVideo || !source.duration) return;
      // beyond its end the source goes back and forth, as the result does unless told otherwise
      const twice = 2 * source.duration, at = result.currentTime % twice;
      const wanted = at <= source.duration ? at : twice - at;
      if (Math.abs(source.currentTime - wanted) > 0.15) source.currentTime = wanted;
    };
    result.ontimeupdate = result.onseeked = follow;
    result.onplay = () => { play.textContent = w.pause; if (isVideo) source.play().catch(() => {}); };
    result.onpause = result.onended = () => { play.textContent = w.play; if (isVideo) source.pause(); };
    const shown = dialog(stage, note, element("div", {className: "acts"}, play, wipe, sound), seek, line, redo(id, result));
    shown.classList.add("compare");
    shown.addEventListener("close", () => result.pause());
    shown.addEventListener("keydown", event => {
      if (event.target.matches("input,button,summary")) return;
      if (event.key === " ") { event.preventDefault(); play.click(); }
      if (event.key === "ArrowLeft") result.currentTime -= 0.04;
      if (event.key === "ArrowRight") result.currentTime += 0.04;
    });
  }

  function redo(id, result) {
    const number = (label, value, more) => {
      const input = element("input", {type: "number", min: 0, step: 0.1, value, ...more});
      return [input, element("label", {}, label, " ", input)];
    };
    const [from, fromLabel] = number(w.from, 0), [to, toLabel] = number(w.to, "");
    const [expression, expressionLabel] = number(w.expression, 1, {max: 1.5, step: 0.05});
    result.addEventListener("loadedmetadata", () => { to.value = result.duration.toFixed(1); });
    const go = element("button", {textContent: w.redo, onclick: async () => {
      const asked = {from: +from.value, to: to.value ? +to.value : null, expression: +expression.value};
      if (await post(`jobs/${id}/redo`, asked)) $("dialog.compare")?.close();
    }});
    return element("details", {}, element("summary", {textContent: w.redo}),
      element("div", {className: "acts"}, fromLabel, toLabel, expressionLabel, go));
  }

  // Folders of faces: Gradio takes files alone, so it is given those that are in them.

  const isMedia = file => /^(video|image)\//.test(file.type) || /\.(mkv|mov|mxf|ts|webm)$/i.test(file.name);

  function bring(files) {
    const input = $("#faces input[type=file]"), carried = new DataTransfer();
    files.filter(isMedia).forEach(file => carried.items.add(file));
    if (!carried.files.length) return tell(w.empty_folder);
    input.files = carried.files;
    input.dispatchEvent(new Event("change", {bubbles: true}));
  }

  async function within(entry) {
    if (entry.isFile) return [await new Promise((got, failed) => entry.file(got, failed))];
    const reader = entry.createReader(), found = [];
    for (;;) {  // a reader tells a hundred at a time
      const some = await new Promise((got, failed) => reader.readEntries(got, failed));
      if (!some.length) return found;
      for (const each of some) found.push(...await within(each));
    }
  }

  document.addEventListener("drop", async event => {
    if (!event.target.closest?.("#faces")) return;
    const entries = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.some(entry => entry.isDirectory)) return;
    event.preventDefault();
    event.stopPropagation();
    bring((await Promise.all(entries.map(within))).flat());
  }, {capture: true});

  function folder(place) {
    const chooser = element("input", {type: "file", webkitdirectory: true, hidden: true,
      onchange: () => { bring([...chooser.files]); chooser.value = ""; }});
    place.append(chooser, element("button", {textContent: w.folder, onclick: () => chooser.click()}));
  }

  // The service, for admins.

  async function service() {
    const place = $("#service");
    if (!place) return;
    const answer = await fetch("service");
    if (answer.ok) place.innerHTML = await answer.text();
  }

  // Gradio draws a tab when it is first shown.
  const seen = new WeakSet();
  new MutationObserver(() => {
    const title = $("#title");
    if (title && !title.textContent) title.textContent = document.title = w.title;
    // Gradio has a button in a button here, and no name for it
    for (const inner of document.querySelectorAll(".icon-button .upload-container")) {
      const outer = inner.closest(".icon-button");
      if (outer.role === "group") continue;
      Object.assign(outer, {role: "group", tabIndex: -1, ariaLabel: w.add_more, title: w.add_more});
      inner.ariaLabel = w.add_more;
    }
    for (const [selector, begin] of [["#folder", folder], ["#jobs", jobs], ["#service", service]]) {
      const place = $(selector);
      if (place && !seen.has(place)) { seen.add(place); begin(place); }
    }
  }).observe(document.documentElement, {childList: true, subtree: true});
  setInterval(() => { if ($("#service")?.offsetParent) service(); }, 5000);

  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";

  return {
    choices: () => JSON.stringify(Object.fromEntries(
      [...document.querySelectorAll(".found input:checked")].map(each => [each.name.replace("who-", ""), each.value]))),
  };
})();
