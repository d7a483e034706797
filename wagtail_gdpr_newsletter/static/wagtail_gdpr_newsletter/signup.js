/* Answers the sign-up form in place. Without this file the form posts and a page answers. */
(() => {
    if (window.gdprNewsletterIsListening) return; // Two blocks on one page load this twice.
    window.gdprNewsletterIsListening = true;

    const ANSWERS = "[data-gdpr-newsletter-answer], [data-gdpr-newsletter-form]";

    async function send(form) {
        const response = await fetch(form.action, {
            method: "POST",
            body: new URLSearchParams(new FormData(form)),
            headers: { Accept: "text/html" },
            credentials: "omit",
        });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const answer = page.querySelector(ANSWERS);
        if (!answer) {
            window.location.assign(response.url); // The thank-you page that the editor chose.
            return;
        }
        const hint = page.querySelector("[data-gdpr-newsletter-focus]");
        const parts = hint && !answer.contains(hint) ? [hint, answer] : [answer];
        demoteHeadings(answer);
        form.parentElement.querySelectorAll(":scope > [data-gdpr-newsletter-focus]").forEach((old) => old.remove());
        form.replaceWith(...parts);
        announce(hint || answer);
    }

    /* The page the form stands on has its own h1. */
    function demoteHeadings(answer) {
        answer.querySelectorAll("h1").forEach((heading) => {
            const smaller = document.createElement("h3");
            smaller.append(...heading.childNodes);
            heading.replaceWith(smaller);
        });
    }

    /* Focus moves there, so that screen readers read it and keyboards go on from it. */
    function announce(element) {
        if (!element.hasAttribute("role")) element.setAttribute("role", "status");
        element.focus();
    }

    function complain(form) {
        const problem = document.createElement("p");
        problem.className = "gdpr-newsletter-error";
        problem.setAttribute("role", "alert");
        problem.textContent = form.closest("[data-gdpr-newsletter]").dataset.gdprNewsletterProblem;
        form.querySelectorAll(":scope > .gdpr-newsletter-error").forEach((old) => old.remove());
        form.append(problem);
    }

    document.addEventListener("submit", (event) => {
        const form = event.target.closest("[data-gdpr-newsletter] [data-gdpr-newsletter-form]");
        if (!form) return;
        event.preventDefault();
        const button = form.querySelector("[type=submit]");
        button.disabled = true;
        send(form)
            .catch(() => complain(form))
            .finally(() => {
                button.disabled = false;
            });
    });
})();
