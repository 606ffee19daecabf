"use strict";
(() => {
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false };

  // Where a chart can't be drawn its still picture stays: nothing is lost but the interaction.
  const draw = async (figure) => {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    await window.vegaEmbed(figure.querySelector(".live"), spec, options);
    figure.classList.add("drawn");
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.source);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
    } catch {
      window.getSelection().selectAllChildren(source);
      if (!document.execCommand("copy")) return;  // it is selected now: the keys do the rest
    }
    button.textContent = button.dataset.done;
  };

  document.querySelectorAll("figure.chart").forEach((figure) => { draw(figure).catch(console.error); });
  document.querySelectorAll("button[data-source]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => { copy(button); });
  });
})();
