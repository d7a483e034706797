/* Answers the sign-up form in place. Without this file the form posts and a page answers. */
(() => {
    if (window.gdprNewsletterIsListening) return; // Two blocks on one page load this twice.
    window.gdprNewsletterIsListening = true;

    const ANSWER = "[data-gdpr-newsletter-answer]";

    async function send(form) {
        const response = await fetch(form.action, {
            method: "POST",
            body: new URLSearchParams(new FormData(form)),
            headers: { "X-Requested-With": "gdpr-newsletter" },
            credentials: "omit",
        });
        if (!response.ok) {
            show(form, await parsed(response)); // Errors, or the form with a newer wording.
            return;
        }
        const { location } = await response.json();
        if (new URL(location, document.baseURI).origin === window.location.origin) {
            const page = await parsed(await fetch(location, { credentials: "omit" }));
            if (page.querySelector(ANSWER)) {
                show(form, page);
                return;
            }
        }
        window.location.assign(location); // The thank-you page that the editor chose.
    }

    async function parsed(response) {
        return new DOMParser().parseFromString(await response.text(), "text/html");
    }

    function show(form, page) {
        const answer = page.querySelector(`${ANSWER}, [data-gdpr-newsletter-form]`);
        if (!answer) throw new Error("The answer is not ours.");
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
        // The answer is shorter than the form: its beginning may lie above the screen now.
        if (element.getBoundingClientRect().top < 0) element.scrollIntoView();
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
