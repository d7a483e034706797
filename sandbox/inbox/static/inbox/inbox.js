"use strict";

(() => {
    const frame = document.querySelector("[data-frame]");

    /* A mail is read in one piece, without a scrollbar of its own. */
    function fit() {
        const page = frame.contentDocument?.documentElement;
        if (!page) return;
        frame.style.height = "0";
        frame.style.height = `${Math.max(page.scrollHeight, 200)}px`;
    }

    function offerWidths() {
        const group = document.querySelector("[data-widths]");
        const buttons = [...group.querySelectorAll("button")];
        const choose = (width) => {
            frame.parentElement.classList.toggle("narrow", Boolean(width));
            frame.style.width = width ? `${width}px` : "";
            for (const button of buttons) {
                button.setAttribute("aria-pressed", String(button.dataset.width === width));
            }
            sessionStorage.setItem("inbox-width", width);
            fit();
        };
        for (const button of buttons) {
            button.addEventListener("click", () => choose(button.dataset.width));
        }
        choose(sessionStorage.getItem("inbox-width") || "");
        group.hidden = false;
    }

    if (frame) {
        frame.addEventListener("load", fit);
        window.addEventListener("resize", fit);
        fit();
        offerWidths();
    }

    function submitOnChange() {
        const filter = document.querySelector("[data-filter]");
        filter?.querySelector("select").addEventListener("change", () => filter.submit());
        filter?.querySelector("[data-filter-button]").remove();
    }
    submitOnChange();

    /* New mail appears by itself; while somebody uses the list it waits. */
    async function refresh() {
        const list = document.querySelector("[data-list]");
        if (document.hidden || list.matches(":focus-within")) return;
        const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
        if (!answer.ok) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-list]");
        const was = list.querySelectorAll(".mails li").length;
        if (fresh && fresh.querySelectorAll(".mails li").length !== was) {
            const wasEmpty = !was && !frame;
            list.replaceWith(fresh);
            submitOnChange();
            if (wasEmpty) window.location.reload();
        }
    }
    setInterval(() => refresh().catch(() => {}), 2000);
})();
