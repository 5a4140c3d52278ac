"use strict";
// The catalogue's pages read without this script. It adds search, copying and the theme.
(() => {
  const FIRST = 9; // cards of a long group that are shown until more are asked for

  const remembered = (key, value) => {
    try {
      if (value === undefined) return localStorage.getItem(key);
      localStorage.setItem(key, value);
    } catch { /* storage may be switched off */ }
    return null;
  };

  const theme = remembered("isozoo-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;

  const addTheme = () => {
    const button = document.querySelector("[data-theme-button]");
    const system = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => {
      const chosen = document.documentElement.dataset.theme;
      return chosen ? chosen === "dark" : system.matches;
    };
    const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
    button.addEventListener("click", () => {
      const next = isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      remembered("isozoo-theme", next);
      name();
    });
    system.addEventListener("change", name);
    name();
    button.hidden = false;
  };

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  const addCopying = () => {
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const code = button.parentElement.querySelector("code");
        button.textContent = await copy(code.textContent) ? "Copied" : "Select it by hand";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
    }
  };

  const addTabs = () => {
    const tabs = document.querySelector("[data-tabs]");
    if (!tabs) return;
    const radios = [...tabs.querySelectorAll("input")];
    const wanted = remembered("isozoo-backend");
    const start = radios.find((radio) => radio.value === wanted);
    if (start) start.checked = true;
    const show = () => {
      const chosen = radios.find((radio) => radio.checked).value;
      for (const block of document.querySelectorAll("[data-backend-code]")) {
        block.hidden = block.dataset.backendCode !== chosen;
      }
    };
    tabs.addEventListener("change", () => {
      remembered("isozoo-backend", radios.find((radio) => radio.checked).value);
      show();
    });
    tabs.hidden = false;
    show();
  };

  const addSearch = () => {
    const form = document.querySelector("[data-search]");
    if (!form) return;
    const groups = [...document.querySelectorAll("[data-group]")].map((element) => ({
      element,
      cards: [...element.querySelectorAll("[data-card]")],
      number: element.querySelector(".number"),
      more: element.querySelector("[data-more]"),
      open: false,
    }));
    const fields = ["task", "size", "license", "language", "backend"];
    const count = document.querySelector("[data-count]");
    const none = document.querySelector("[data-none]");

    const fits = (card, words, chosen, proven) =>
      words.every((word) => card.dataset.text.includes(word)) &&
      fields.every((name) => !chosen[name] || card.dataset[name].split("|").includes(chosen[name])) &&
      (!proven || "proven" in card.dataset);

    const update = () => {
      const data = new FormData(form);
      const words = data.get("q").toLowerCase().split(/\s+/).filter(Boolean);
      const chosen = Object.fromEntries(fields.map((name) => [name, data.get(name)]));
      const proven = data.has("proven");
      const narrowed = words.length > 0 || proven || fields.some((name) => chosen[name]);
      let total = 0;
      for (const group of groups) {
        let found = 0;
        for (const card of group.cards) {
          const shown = fits(card, words, chosen, proven);
          if (shown) found += 1;
          card.hidden = !shown || (!narrowed && !group.open && found > FIRST);
        }
        total += found;
        group.element.hidden = found === 0;
        group.number.textContent = found;
        group.more.hidden = narrowed || group.open || found <= FIRST;
        group.more.textContent = `Show all ${found}`;
      }
      count.textContent = total === 1 ? "1 model" : `${total} models`;
      none.hidden = total > 0;
      if (chosen.backend) remembered("isozoo-backend", chosen.backend);
      const query = new URLSearchParams();
      for (const [key, value] of data) if (value) query.set(key, value);
      const text = query.toString();
      try {
        history.replaceState(null, "", text ? `?${text}` : location.pathname);
      } catch { /* some browsers forbid it on a disk */ }
    };

    for (const [key, value] of new URLSearchParams(location.search)) {
      const field = form.elements.namedItem(key);
      if (!field) continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = value;
    }
    for (const group of groups) {
      group.more.addEventListener("click", () => {
        group.open = true;
        update();
        group.cards[FIRST].querySelector("a").focus();
      });
    }
    document.querySelector("[data-clear]").addEventListener("click", () => {
      form.reset();
      update();
      form.elements.namedItem("q").focus();
    });
    form.addEventListener("input", update);
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
      if (event.key === "/" && !typing) {
        event.preventDefault();
        form.elements.namedItem("q").focus();
      }
    });
    form.hidden = false;
    update();
  };

  addEventListener("DOMContentLoaded", () => {
    addTheme();
    addCopying();
    addTabs();
    addSearch();
  });
})();
