;;; harness.el --- What a test tells Emacs to do  -*- lexical-binding: t -*-

;; Emacs in batch mode reads one form a line and prints its value as JSON, marked so that it can be told from what else
;; is printed.  While it waits for the next form it hears nothing from the server: whoever expects something from there
;; asks by `hl-until', which listens meanwhile.

(require 'json)
(require 'flymake)

(setq native-comp-jit-compilation nil
      native-comp-deferred-compilation nil
      make-backup-files nil
      auto-save-default nil
      create-lockfiles nil
      eglot-confirm-server-edits nil
      eglot-confirm-server-initiated-edits nil)
(package-initialize)

(defvar hl-patience 30
  "Longest wait, in seconds, for something that must come.")

(defun hl-serve ()
  "Answer forms for ever."
  (while t
    (princ (concat "\x1e" (json-encode (hl--answer (read-from-minibuffer ""))) "\n"))))

(defun hl--answer (line)
  (condition-case problem
      `((value . ,(with-current-buffer (window-buffer) (eval (read line) t))))
    (error `((error . ,(error-message-string problem))))))

(defmacro hl-until (condition)
  "Wait for CONDITION to hold, listening to the server; return its value."
  `(let ((end (+ (float-time) hl-patience)) found)
     (while (not (setq found ,condition))
       (when (> (float-time) end)
         (error "It never came: %S" ',condition))
       (accept-process-output nil 0.02))
     found))

(defun hl-open (path)
  "Open PATH as the command loop would, and wait for the server."
  (find-file path)
  (run-hooks 'post-command-hook)
  (hl-until (eglot-current-server))
  t)

(defun hl-type (text)
  "Insert TEXT at point and tell the server, as happens when typing pauses."
  (insert text)
  (eglot--signal-textDocument/didChange))

(defun hl-line ()
  "The line of the cursor, up to it."
  (buffer-substring-no-properties (line-beginning-position) (point)))

(defun hl-text ()
  "The whole text."
  (buffer-substring-no-properties (point-min) (point-max)))

(defun hl-goto (line)
  "Go to the start of LINE's text."
  (goto-char (point-min))
  (forward-line (1- line))
  (back-to-indentation))

(defun hl-request (method &rest more)
  "The answer to a request about the cursor's place."
  (jsonrpc-request (eglot-current-server) method (append (eglot--TextDocumentPositionParams) more)))

(defun hl-listed ()
  "What completion offers at point."
  (let ((found (eglot-completion-at-point)))
    (mapcar #'substring-no-properties
            (all-completions (buffer-substring-no-properties (nth 0 found) (nth 1 found)) (nth 2 found)))))

(defun hl-actions ()
  "Titles of the code actions on the line."
  (mapcar (lambda (action) (plist-get action :title))
          (append (eglot-code-actions (line-beginning-position) (line-end-position)) nil)))

(defun hl-choose (wanted)
  "Choose the code action whose title begins with WANTED from eglot's menu."
  (let ((last-nonmenu-event ?x)
        (completing-read-function
         (lambda (_prompt choices &rest _)
           (car (seq-find (lambda (each) (string-prefix-p wanted (car each))) choices)))))
    (eglot-code-actions (line-beginning-position) (line-end-position) nil t))
  t)

(defun hl-findings ()
  "Lines, rules and beginnings of what Flymake shows."
  (flymake-start)
  (mapcar (lambda (each)
            (vector (line-number-at-pos (flymake-diagnostic-beg each)) (flymake-diagnostic-text each)))
          (flymake-diagnostics)))

(defun hl-shown ()
  "The text of a file that the server has opened, or nothing."
  (let ((buffer (seq-find (lambda (each) (string-suffix-p ".md" (or (buffer-file-name each) ""))) (buffer-list))))
    (if buffer (with-current-buffer buffer (hl-text)) "")))

(provide 'harness)
;;; harness.el ends here
